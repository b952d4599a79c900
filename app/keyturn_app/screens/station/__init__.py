"""What an officer station has in the place of pages that show a server's word."""
