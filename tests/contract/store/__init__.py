"""What every store must do, whatever it keeps things in."""
