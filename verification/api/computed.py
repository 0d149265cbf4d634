"""What is computed and answered in the call, on the wire: detect, compare, recognize, anti-spoofing."""

from typing import Any

from rest_framework import serializers

from heirloom.api.fields import FiniteField
from heirloom.api.images import Base64ImageField
from heirloom.decision.policy import Caveat
from verification.api.galleries import GalleryField
from verification.api.shown import ATTACK_OUTCOMES


class DetectInput(serializers.Serializer[Any]):
    image_base64 = Base64ImageField()
    model_name = serializers.CharField(default="auto")
    conf_threshold = FiniteField(default=0.5, min_value=0, max_value=1)
    iou_threshold = FiniteField(default=0.4, min_value=0, max_value=1)
    max_faces = serializers.IntegerField(default=50, min_value=1, max_value=500)
    min_quality_threshold = FiniteField(default=40.0, min_value=0, max_value=100)
    return_landmarks = serializers.BooleanField(default=False)
    use_fallback = serializers.BooleanField(default=True)


class DetectUploadInput(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True)
    model_name = serializers.CharField(default="auto")
    conf_threshold = FiniteField(default=0.5, min_value=0, max_value=1)
    max_faces = serializers.IntegerField(default=50, min_value=1, max_value=500)


class BoxAnswer(serializers.Serializer[Any]):
    example = {"x": 194.1, "y": 144.8, "width": 165.2, "height": 165.5}

    x = serializers.FloatField()
    y = serializers.FloatField()
    width = serializers.FloatField()
    height = serializers.FloatField()


class PoseAnswer(serializers.Serializer[Any]):
    yaw = serializers.FloatField()
    pitch = serializers.FloatField()
    roll = serializers.FloatField()


class QualityAnswer(serializers.Serializer[Any]):
    score = serializers.FloatField(help_text="0 to 100; how it is measured: docs/models/quality.md.")
    needed = serializers.FloatField(help_text="The score from which a face is good enough to compare.")
    sharpness = serializers.FloatField(help_text="Fine detail against coarse detail, at a fixed size of the face.")
    brightness = serializers.FloatField()
    size = serializers.FloatField(help_text="Pixels between the eyes, in the original picture.")
    pose = PoseAnswer()
    reasons = serializers.ListField(child=serializers.CharField())


class FaceAnswer(serializers.Serializer[Any]):
    example = {"confidence": 0.986135}

    bbox = BoxAnswer()
    confidence = serializers.FloatField()
    quality = QualityAnswer()
    landmarks = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()), required=False)


class ImageInfoAnswer(serializers.Serializer[Any]):
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    channels = serializers.IntegerField()


class DetectAnswer(serializers.Serializer[Any]):
    example = {"model_used": "dlib"}

    success = serializers.BooleanField()
    faces_detected = serializers.IntegerField()
    faces = FaceAnswer(many=True)
    faces_below_quality = serializers.IntegerField()
    model_used = serializers.CharField()
    processing_time = serializers.FloatField()
    image_info = ImageInfoAnswer()
    filename = serializers.CharField(required=False)


class CompareInput(serializers.Serializer[Any]):
    face1_image_base64 = Base64ImageField()
    face2_image_base64 = Base64ImageField()
    model_name = serializers.CharField(default="auto")


class CompareAnswer(serializers.Serializer[Any]):
    example = {"confidence": 1.0}

    success = serializers.BooleanField()
    is_same_person = serializers.BooleanField()
    similarity_score = serializers.FloatField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    raw_score = serializers.FloatField()
    threshold = serializers.FloatField(allow_null=True)
    policy = serializers.CharField()
    policy_caveats = serializers.ListField(child=serializers.ChoiceField(choices=list(Caveat)))
    model_used = serializers.CharField()
    processing_time = serializers.FloatField()


class RecognizeInput(serializers.Serializer[Any]):
    face_image_base64 = Base64ImageField()
    gallery = GalleryField(required=False)
    model_name = serializers.CharField(default="auto", max_length=80)
    top_k = serializers.IntegerField(default=5, min_value=1, max_value=50)
    similarity_threshold = FiniteField(default=0.5, min_value=0, max_value=1)
    processing_mode = serializers.ChoiceField(choices=("sync", "async"), default="sync")


class MatchAnswer(serializers.Serializer[Any]):
    example = {"person_id": "40389cc7-50c5-4b4d-bcf3-be645f975f91", "similarity": 0.9}

    person_id = serializers.CharField()
    person_name = serializers.CharField()
    employee_id = serializers.CharField(allow_null=True)
    similarity = serializers.FloatField()
    rank = serializers.IntegerField()


class RecognizeAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    matches_found = serializers.IntegerField()
    matches = MatchAnswer(many=True)
    best_match = MatchAnswer(allow_null=True)
    confidence_scores = serializers.ListField(child=serializers.FloatField(allow_null=True))
    model_used = serializers.CharField()
    processing_time = serializers.FloatField()


class AntiSpoofingInput(serializers.Serializer[Any]):
    image_base64 = Base64ImageField()


class AntiSpoofingAnswer(serializers.Serializer[Any]):
    example = {"outcome": "inconclusive", "attack_score": None, "why": "not_installed", "model_used": "minifasnet"}

    success = serializers.BooleanField()
    outcome = serializers.ChoiceField(choices=ATTACK_OUTCOMES)
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text="Codes of what was found, beside any outcome; often empty."
    )
    attack_score = serializers.FloatField(allow_null=True)
    why = serializers.CharField(help_text="When inconclusive: what was missing.")
    model_used = serializers.CharField()
    processing_time = serializers.FloatField()
