"""One store per noun: every SQL statement of the product is in this package."""
