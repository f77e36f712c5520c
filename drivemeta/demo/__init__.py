"""What `drivemeta demo` needs: its material, its score and its picture."""
