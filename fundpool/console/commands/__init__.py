"""The commands of the fundpool program, one module a noun."""
