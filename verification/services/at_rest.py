"""What verifications keep sealed, for `heirloom.crypto.renewal`."""

from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet

from heirloom.crypto import files
from heirloom.crypto import former as crypto_former
from heirloom.crypto.renewal import BATCH, Renewed, Step
from heirloom.crypto.services import KeyDestroyedError
from heirloom.crypto.stream import StreamDamagedError
from verification.models import EvidenceFrame
from verification.services import evidence


class FormerFrames:
    """Frames whose file's name does not tell which one of the verification it is, as it did not before."""

    name = "evidence frames"

    def left(self) -> int:
        return self._rows().count()

    def renew(self) -> Iterator[Renewed]:
        """As long as they are read."""
        if not crypto_former.are_opened():
            return
        last = 0
        while batch := list(self._rows().filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
            last = batch[-1]
            renewed = [self._renewed(pk) for pk in batch]
            yield Renewed(sum(renewed), len(renewed) - sum(renewed))

    def _rows(self) -> QuerySet[EvidenceFrame]:
        return EvidenceFrame.objects.filter(storage_name__regex=evidence.FORMER_PATH)

    def _renewed(self, pk: int) -> bool:
        """Write the frame to a file of the right name; the one of before is forgotten with the commit."""
        written: list[str] = []
        try:
            with transaction.atomic():
                return self._written_anew(pk, written)
        except (KeyDestroyedError, StreamDamagedError):
            return False
        except BaseException:
            files.forget(written)
            raise

    @staticmethod
    def _written_anew(pk: int, written: list[str]) -> bool:
        rows = EvidenceFrame.objects.select_related("verification__capture")
        frame = rows.select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
        if frame is None or frame.verification.capture is None:
            return False
        subject, former = frame.verification.capture.subject, frame.storage_name
        jpeg = files.read_bytes(subject=subject, name=former, place=evidence.place_of(frame))
        frame.storage_name = evidence.new_name(frame.verification_id, frame.number)
        written.append(frame.storage_name)
        files.write(subject=subject, name=frame.storage_name, chunks=[jpeg])
        frame.save(update_fields=["storage_name"])
        files.forget([former])
        return True


def steps() -> list[Step]:
    return [FormerFrames()]
