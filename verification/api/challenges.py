"""/challenges/: what a clip must show, once and soon."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from heirloom.api.idempotent import Idempotent
from heirloom.api.permissions import caller, role
from heirloom.api.refusals import VISION
from heirloom.decision.challenge import INSTRUCTIONS
from heirloom.decision.gestures import Kind
from verification.api import serializers as wire
from verification.api.verifications import claimed, of_challenge
from verification.services import challenges


class ChallengeView(Idempotent):
    """Issue a challenge: gestures in a random order that the clip of one verification must show."""

    permission_classes = [role("client", "hr", "admin")]
    refuses = ("not_found", "person_suspended", "too_many_challenges", *VISION)

    @extend_schema(request=wire.ChallengeInput, responses={201: wire.ChallengeAnswer})
    def post(self, request: Request) -> Response:
        given = wire.ChallengeInput(data=request.data)
        given.is_valid(raise_exception=True)
        claim = claimed(given.validated_data, caller(request))
        kinds = [Kind(kind) for kind in given.validated_data.get("kinds", [])]
        issued = challenges.issue(owner=caller(request), **of_challenge(claim), kinds=kinds)
        answer = {
            "id": issued.challenge.id,
            "nonce": issued.nonce,
            "steps": [{**asdict(step), "instruction": INSTRUCTIONS[step.kind]} for step in issued.challenge.steps],
            "expires_at": issued.challenge.expires_at,
        }
        return Response(
            wire.ChallengeAnswer(answer).data,
            status=status.HTTP_201_CREATED,
            headers={"Cache-Control": "no-store"},
        )
