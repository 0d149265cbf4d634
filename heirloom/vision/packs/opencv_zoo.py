"""YuNet and SFace of the OpenCV Zoo: small, permissive, hashes pinned."""

from heirloom.vision.packs.yunet import NAME as YUNET

NAME = "opencv-zoo"
LICENCE = "MIT, Apache-2.0"
DETECTOR, RECOGNISER = YUNET, "sface"
MODEL = "sface-2021dec"
DIMENSIONS = 128
WEIGHTS = (DETECTOR, RECOGNISER)
