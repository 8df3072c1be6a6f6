"""Trust by stages: a candidate policy in the shadow of a champion, then in some cycles, then in nearly all."""
