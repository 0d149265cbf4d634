"""Files made to do harm, each with the public code it meets. `python -m tests.media.hostile FOLDER` writes them out."""
