"""The command line, its reports and its pictures; never in the function."""
