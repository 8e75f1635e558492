"""What is known of libraries, one file for each library or family of them."""
