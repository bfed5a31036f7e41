"""A simulated user who corrects masks by saying so: what is gained by each command, beside yardsticks."""
