"""Power cuts: a lonc on a disk that forgets, a lond and workers outside, and a book of what was promised.

`disk` is the disk, with its volatile cache; `lond` and `workers` are the two sides of lonc, on the host, so that what they
have heard outlives each cut; `book` judges; `rig` is the machine from boot to cut; `loops` judges the judges.
"""
