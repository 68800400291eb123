"""Pure rules of the pooled funds. Standard library only; time comes in as an argument."""
