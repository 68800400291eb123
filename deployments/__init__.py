"""Where and when the product runs; sample input for the demo."""
