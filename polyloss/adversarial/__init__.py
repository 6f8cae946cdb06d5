"""Adversarial training: the losses of the two players, and penalties on the critic's gradient."""
