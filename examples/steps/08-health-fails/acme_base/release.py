"""What /acme/version answers: which code is running."""

RELEASE = "2.0-health-fails"
