"""What HR types and hands in. Forms say whether it is whole; services say whether it can be done."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from enrollment.models import Consent, Person
from enrollment.services.consents import ConsentGiven

MOST_FILES = 20
ACCEPTED = "image/*,.heic,video/*,.mkv,.avi,.3gp"


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once; what is in them is for the services to say."""

    widget = FilesInput(attrs={"accept": ACCEPTED})

    def clean(self, data: Any, initial: Any = None) -> list["UploadedFile[Any]"]:
        given: Sequence[Any] = data if isinstance(data, (list, tuple)) else [data]
        files = [one for one in (super(FilesField, self).clean(item, initial) for item in given or [None]) if one]
        if len(files) > MOST_FILES:
            raise forms.ValidationError(f"At most {MOST_FILES} files at once.", code="too_many_files")
        return files


class DetailsForm(forms.Form):
    """Who the person is."""

    full_name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    employee_id = forms.CharField(
        label="Employee number", max_length=64, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    department = forms.CharField(max_length=120, required=False, widget=forms.TextInput(attrs={"list": "departments"}))
    position = forms.CharField(max_length=120, required=False)
    email = forms.EmailField(required=False, widget=forms.EmailInput(attrs={"autocomplete": "off"}))

    DETAILS: tuple[str, ...] = ("full_name", "employee_id", "department", "position", "email")

    def details(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.DETAILS}


class EditForm(DetailsForm):
    # A person who came through the API may have no number, and keeps that freedom.
    employee_id = forms.CharField(label="Employee number", max_length=64, required=False)
    status = forms.ChoiceField(choices=Person.Status.choices)

    DETAILS = (*DetailsForm.DETAILS, "status")


class ConsentForm(forms.Form):
    """That the person agreed, how and when."""

    consent_method = forms.ChoiceField(
        label="How consent was given",
        choices=[(m.value, m.label) for m in (Consent.Method.WRITTEN, Consent.Method.ELECTRONIC)],
    )
    consent_given_on = forms.DateField(
        label="Given on", initial=timezone.localdate, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    consent_agreed = forms.BooleanField(
        label="The person has read this text and agreed to it.",
        error_messages={"required": "Nobody is enrolled without consent. Tick this once the person has agreed."},
    )

    def clean_consent_given_on(self) -> date:
        given_on: date = self.cleaned_data["consent_given_on"]
        if given_on > timezone.localdate():
            raise forms.ValidationError("This day has not come yet.", code="in_the_future")
        return given_on

    def consent(self, policy_version: str) -> ConsentGiven:
        given_on = self.cleaned_data["consent_given_on"]
        today = given_on == timezone.localdate()
        at = timezone.now() if today else timezone.make_aware(datetime.combine(given_on, time(12)))
        return ConsentGiven(policy_version, at, self.cleaned_data["consent_method"])


class CapturesForm(forms.Form):
    """The photos and clips of one visit."""

    captures = FilesField(label="Photos or a clip", error_messages={"required": "Add at least one photo or a clip."})


class EnrollForm(DetailsForm, ConsentForm, CapturesForm):
    """A new person: details, consent and captures, taken together or not at all."""


class RenewForm(ConsentForm, CapturesForm):
    """More captures for a person whose consent has ended or whose text is no longer the current one."""


class CorrectionForm(forms.Form):
    """A corrected table, a more complete ZIP, or both."""

    table = forms.FileField(
        label="Table",
        help_text="CSV in UTF-8, as spreadsheets save it.",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    photos = forms.FileField(
        label="Photos",
        help_text="One ZIP with the photos that the table names.",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
    )


class ImportForm(CorrectionForm):
    """Many people: a table and the photos that it names."""

    dry_run = forms.BooleanField(label="Try it first: look at everything, but add nobody yet.", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["table"].required = True


class EraseForm(forms.Form):
    """The typed proof that the right person is about to be erased."""

    typed = forms.CharField(label="", widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.phrase = person.employee_id or person.full_name
        self.fields["typed"].label = f"Type {self.phrase} to confirm"

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"].strip()
        if typed != self.phrase:
            raise forms.ValidationError(f"This is not {self.phrase}. Nothing was erased.", code="mismatch")
        return typed
