"""The simulated cell: boards, camera and the MuJoCo world."""
