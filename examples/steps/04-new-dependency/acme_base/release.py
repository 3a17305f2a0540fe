"""What /acme/version answers: which code is running."""

RELEASE = "1.4"
