"""The portal's addresses."""

from django.urls import path

from heirloom.portal.views import enroll, home, imports, people, person, pictures, second_factor, security, session

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", session.SignInView.as_view(), name="sign-in"),
    path("second-factor/", second_factor.second_factor, name="second-factor"),
    path("security/", security.security, name="security"),
    path("security/code-app/", security.totp_add, name="totp-add"),
    path("security/passkey/", security.passkey_add, name="passkey-add"),
    path("security/factors/<uuid:factor_id>/remove/", security.factor_remove, name="factor-remove"),
    path("security/recovery-codes/", security.recovery_codes, name="recovery-codes"),
    path("security/sessions/<uuid:session_id>/end/", security.session_end, name="session-end"),
    path("security/tokens/<uuid:family_id>/end/", security.tokens_end, name="tokens-end"),
    path("security/end-others/", security.end_others, name="end-others"),
    path("sign-out/", session.SignOutView.as_view(), name="sign-out"),
    path("password/", session.ChangePasswordView.as_view(), name="change-password"),
    path("people/", people.people, name="people"),
    path("people/enroll/", enroll.enroll, name="enroll"),
    path("people/<uuid:person_id>/", person.show, name="person"),
    path("people/<uuid:person_id>/edit/", person.edit, name="person-edit"),
    path("people/<uuid:person_id>/enroll/", enroll.enroll_more, name="person-enroll"),
    path("people/<uuid:person_id>/consent/withdraw/", person.withdraw_consent, name="withdraw-consent"),
    path("people/<uuid:person_id>/face-verification/release/", person.release_face, name="release-face"),
    path("people/<uuid:person_id>/export/", person.export, name="export"),
    path("people/<uuid:person_id>/erase/", person.erase, name="erase"),
    path("people/imports/", imports.imports, name="imports"),
    path("people/imports/new/", imports.new, name="import-new"),
    path("people/imports/template.csv", imports.template_csv, name="import-template"),
    path("people/imports/<uuid:import_id>/", imports.show, name="import"),
    path("people/imports/<uuid:import_id>/errors.csv", imports.errors_csv, name="import-errors"),
    path("people/imports/<uuid:import_id>/retry/", imports.retry, name="import-retry"),
    path("people/imports/<uuid:import_id>/cancel/", imports.cancel, name="import-cancel"),
    path("enrollments/<uuid:enrollment_id>/", enroll.result, name="enrollment"),
    path("captures/<uuid:capture_id>/image/", pictures.capture_image, name="capture-image"),
]
