"""How Django admin looks: the settings of django-unfold."""

from django.templatetags.static import static

UNFOLD = {
    "SITE_TITLE": "Heirloom",
    "SITE_HEADER": "Heirloom",
    "SITE_SUBHEADER": "Review and administration",
    "SITE_URL": "/",
    "SITE_ICON": lambda _request: static("portal/logo.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("portal/logo.svg")}],
    "STYLES": [lambda _request: static("admin/heirloom.css")],
    "SHOW_HISTORY": False,
    "COLORS": {
        "primary": {
            "50": "#f0f7f4",
            "100": "#deede7",
            "200": "#bedbd0",
            "300": "#93c2b2",
            "400": "#5fa28d",
            "500": "#3b8571",
            "600": "#236b59",
            "700": "#17594c",
            "800": "#13473d",
            "900": "#103a33",
            "950": "#08231f",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "heirloom.portal.navigation.sidebar",
    },
}
