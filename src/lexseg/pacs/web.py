"""A careful client of DICOMweb (QIDO, WADO, STOW): patient with a PACS, and quick to say what is wrong.

Needs the extra ``dicom``; nothing else of the package imports it but what speaks to a PACS.
"""

import io
import logging
import random
import re
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmread, dcmwrite

from lexseg.errors import LexSegError, PacsError
from lexseg.pacs.access import Access
from lexseg.pacs.failure import Failure, diagnose
from lexseg.pacs.listing import InstanceEntry, SeriesEntry, StudyEntry

T = TypeVar("T")
E = TypeVar("E", StudyEntry, SeriesEntry, InstanceEntry)

_PAGE = 500  # entries of a listing that are asked for at once
_MOST = 100_000  # entries of a listing

# its log names studies and patients at every level
logging.getLogger("dicomweb_client").setLevel(logging.CRITICAL + 1)


class PacsClient:
    """Asks a PACS for studies, series and images, and stores results in it.

    What fails for a moment (no connection, a cut answer, HTTP 429 and 5xx) is asked again after growing waits; what the
    PACS refuses (other 4xx, a certificate that is not trusted) is not.

    Args:
        access: where the PACS is, and how it is spoken to.
        waiting: told what is wrong before each wait.
        sleep: what waits; a test may count instead.
    """

    def __init__(
        self,
        access: Access,
        *,
        waiting: Callable[[str], None] = lambda message: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.access, self._waiting, self._sleep = access, waiting, sleep
        self._session = access.session()
        patience = access.patience
        self._web = DICOMwebClient(
            access.url,
            session=self._session,
            timeout=(patience.connect, patience.read),
            chunk_size=1 << 40,  # one body with its length: not every server before a PACS takes a chunked upload
            permissive_uid=True,  # there are archives with UIDs that break the rules
        )
        self._web.set_http_retry_params(False)  # ours know of cut connections, and look before storing again

    def __enter__(self) -> "PacsClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections to the PACS."""
        self._session.close()

    def studies(
        self, *, patient: str | None = None, date: str | None = None, modality: str | None = None, limit: int = _MOST
    ) -> list[StudyEntry]:
        """Find studies (QIDO-RS), newest first.

        No order is promised by a PACS, so all that fit are listed before the first are taken.

        Args:
            patient: the patient's ID; ``*`` stands for any letters.
            date: ``YYYYMMDD``, or ``YYYYMMDD-YYYYMMDD`` with one end left out where it is open.
            modality: one that the study holds, such as ``CT``.
            limit: the newest so many.

        Raises:
            PacsError: if the PACS cannot be reached or refuses.
        """
        # Orthanc 1.10 finds no letter that a URL escapes: any letter is asked for in its place, and sorted out here
        sent = patient and re.sub(r"[^A-Za-z0-9*?._-]", "?", patient)
        wanted = {"PatientID": sent, "StudyDate": date, "ModalitiesInStudy": modality}
        filters = {key: value for key, value in wanted.items() if value}
        fields = ["StudyDescription", "ModalitiesInStudy", "NumberOfStudyRelatedInstances"]

        def page(offset: int, size: int) -> list[dict[str, Any]]:
            return self._web.search_for_studies(limit=size, offset=offset, fields=fields, search_filters=filters)

        listed = self._listing(page, StudyEntry.of)
        found = [study for study in listed if not patient or _matches(study.patient, patient)]
        return sorted(found, key=lambda study: (study.date, study.uid), reverse=True)[:limit]

    def series(self, study: str) -> list[SeriesEntry]:
        """The series of a study (QIDO-RS), by number; none where the study is not there.

        Raises:
            PacsError: if the PACS cannot be reached or refuses.
        """

        def page(offset: int, size: int) -> list[dict[str, Any]]:
            fields = ["SeriesDescription", "NumberOfSeriesRelatedInstances"]
            return self._web.search_for_series(study, limit=size, offset=offset, fields=fields)

        found = self._listing(page, SeriesEntry.of)
        return sorted(found, key=lambda series: (series.number is None, series.number or 0, series.uid))

    def instances(self, study: str, series: str) -> list[InstanceEntry]:
        """The instances of a series (QIDO-RS), by UID; none where it is not there.

        Raises:
            PacsError: if the PACS cannot be reached or refuses.
        """

        def page(offset: int, size: int) -> list[dict[str, Any]]:
            return self._web.search_for_instances(study, series, limit=size, offset=offset)

        return sorted(self._listing(page, InstanceEntry.of), key=lambda instance: instance.uid)

    def has(self, study: str, instance: str) -> bool:
        """Whether the PACS holds an instance (QIDO-RS).

        Raises:
            PacsError: if the PACS cannot be reached or refuses.
        """
        return self._insist(lambda: self._has(study, instance))

    def fetch(self, study: str, series: str, instance: str) -> Dataset:
        """Retrieve an instance in the transfer syntax it is stored in (WADO-RS).

        Raises:
            PacsError: if the PACS cannot be reached, refuses, or sends something else.
        """

        def call() -> Dataset:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of servers that send the one part bare, and of odd values
                found = self._web.retrieve_instance(study, series, instance)
            if found.get("SOPInstanceUID") != instance:
                raise PacsError(f"{self.access.url}: the PACS sends another image than the one that was asked for")
            return found

        return self._insist(call)

    def fetch_file(self, study: str, series: str, instance: str) -> bytes:
        """The same as a DICOM file, byte by byte as the PACS sends it: odd headers need not be written anew."""
        dataset = self.fetch(study, series, instance)
        sent = getattr(dataset, "buffer", None)  # what pydicom read it from
        return sent.getvalue() if isinstance(sent, io.BytesIO) else file_bytes(dataset)

    def store(self, dataset: Dataset) -> bool:
        """Store an instance (STOW-RS), once: the PACS is asked first, and again after an answer that did not come.

        Args:
            dataset: with file meta information, and UIDs that are the same whenever the same is to be stored.

        Returns:
            True if it was stored by this call, False if it was there already.

        Raises:
            PacsError: if the PACS cannot be reached or refuses.
        """
        study, instance = str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID)
        if self.has(study, instance):
            return False
        # what cannot be written fails here, and not as if the PACS were to blame
        dataset = dcmread(io.BytesIO(file_bytes(dataset)))
        sent = False

        def call() -> None:
            nonlocal sent
            if sent and self._has(study, instance):
                return  # the PACS had stored it; only its answer was lost
            sent = True
            try:
                answer = self._web.store_instances([dataset], study)
            except Exception as error:
                trouble = diagnose(error, self.access)
                if trouble.status == 409 and self._has(study, instance):
                    return
                raise
            self._check_stored(answer, study, instance)

        self._insist(call)
        return True

    def _check_stored(self, answer: Dataset, study: str, instance: str) -> None:
        """Raise if the PACS took the request (HTTP 200 or 202) but not the instance (PS3.18, 10.5.3)."""
        if any(item.get("ReferencedSOPInstanceUID") == instance for item in answer.get("ReferencedSOPSequence") or []):
            return
        failed = [item.get("FailureReason") for item in answer.get("FailedSOPSequence") or []]
        if failed:
            reason = f" (reason {int(failed[0]):#06x})" if failed[0] is not None else ""
            raise PacsError(f"{self.access.url}: the PACS did not store the result{reason}; its own log says why")
        if not self._has(study, instance):
            raise PacsError(f"{self.access.url}: the PACS took the result but does not show it; its own log says why")

    def _has(self, study: str, instance: str) -> bool:
        try:
            found = self._web.search_for_instances(study, search_filters={"SOPInstanceUID": instance})
        except Exception as error:
            if diagnose(error, self.access).status == 404:  # so do some say that nothing is found
                return False
            raise
        return any(InstanceEntry.of(values).uid == instance for values in found)  # some ignore what is asked for

    def _listing(
        self, page: Callable[[int, int], list[dict[str, Any]]], entry: Callable[[dict[str, Any]], E]
    ) -> list[E]:
        """All pages of a listing. A page may be shorter than asked for, and some servers send the first for ever."""
        found: dict[str, E] = {}
        while len(found) < _MOST:
            ask = partial(page, len(found), _PAGE)
            new = {e.uid: e for e in self._insist(partial(_entries, ask, entry)) if e.uid and e.uid not in found}
            if not new:
                break
            found |= new
        return list(found.values())

    def _insist(self, call: Callable[[], T]) -> T:
        """Call until it goes well, the trouble is no passing one, or our patience is at its end."""
        for last, wait in self._waits():
            try:
                return call()
            except LexSegError:
                raise
            except Exception as error:  # of dicomweb-client, requests, urllib3, json and pydicom
                trouble = diagnose(error, self.access)
                if last or not trouble.passing:
                    raise PacsError(self._say(trouble)) from error
                self._waiting(trouble.message)
                self._sleep(min(max(wait, trouble.after), self.access.patience.longest))
        raise AssertionError("unreachable")

    def _waits(self) -> Iterator[tuple[bool, float]]:
        """For each attempt: whether it is the last, and how long to wait after it."""
        patience = self.access.patience
        for number in range(patience.attempts):
            # spread, so that many clients do not come back at the same moment
            yield number == patience.attempts - 1, patience.wait * 2**number * random.uniform(0.75, 1.25)

    def _say(self, trouble: Failure) -> str:
        attempts = self.access.patience.attempts
        return f"{trouble.message}; tried {attempts} times" if trouble.passing and attempts > 1 else trouble.message


def file_bytes(dataset: Dataset) -> bytes:
    """A dataset as the bytes of a DICOM file."""
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _entries(ask: Callable[[], list[dict[str, Any]]], entry: Callable[[dict[str, Any]], E]) -> list[E]:
    return [entry(values) for values in ask()]


def _matches(value: str, wanted: str) -> bool:
    """Whether a value is meant by a pattern with ``*`` and ``?``, in whatever letters, or the PACS does not give it."""
    pattern = re.escape(wanted).replace(r"\*", ".*").replace(r"\?", ".")
    return not value or re.fullmatch(pattern, value, re.IGNORECASE) is not None
