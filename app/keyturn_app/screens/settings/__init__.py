"""What an officer prefers, and which versions run here."""
