"""What people look at before they trust a site: explanations, pictures, tests and comparisons."""
