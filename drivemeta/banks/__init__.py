"""What is done to a class bank: rows joined, widened, edited, filled to a capacity; numpy alone."""
