VERSION = "two"
