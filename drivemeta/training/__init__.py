"""What the trainings share: checkpoints, precision, crops, the light of images."""
