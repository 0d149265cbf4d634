"""The portal's addresses."""

from django.urls import path

from heirloom.portal.views import enroll, home, people, person, pictures, session

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", session.SignInView.as_view(), name="sign-in"),
    path("sign-out/", session.SignOutView.as_view(), name="sign-out"),
    path("password/", session.ChangePasswordView.as_view(), name="change-password"),
    path("people/", people.people, name="people"),
    path("people/enroll/", enroll.enroll, name="enroll"),
    path("people/<uuid:person_id>/", person.show, name="person"),
    path("people/<uuid:person_id>/edit/", person.edit, name="person-edit"),
    path("people/<uuid:person_id>/enroll/", enroll.enroll_more, name="person-enroll"),
    path("people/<uuid:person_id>/consent/withdraw/", person.withdraw_consent, name="withdraw-consent"),
    path("people/<uuid:person_id>/erase/", person.erase, name="erase"),
    path("enrollments/<uuid:enrollment_id>/", enroll.result, name="enrollment"),
    path("captures/<uuid:capture_id>/image/", pictures.capture_image, name="capture-image"),
]
