"""The two pages that a person sees."""

from html import escape

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{text}</p>{form}</body></html>
"""


def page(title: str, text: str, form: str = "") -> str:
    return PAGE.format(title=escape(title), text=escape(text), form=form)


def consent_page(client_id: str, scope: str, message: str = "") -> str:
    """Ask who is there and whether the client may; the form posts to the address it came from."""
    return page(
        "Sign in",
        message or f"{client_id} wants: {scope or 'nothing in particular'}",
        '<form method="post">'
        '<label>User <input type="text" name="username" value=""></label>'
        '<button type="submit" name="confirm" value="yes">Allow</button>'
        '<button type="submit" name="confirm" value="no">Deny</button>'
        "</form>",
    )


def device_page(user_code: str) -> str:
    return page(
        "Connect a device",
        "Type the code that the device shows.",
        '<form method="post" action="/device/decide">'
        f'<label>Code <input type="text" name="user_code" value="{escape(user_code)}"></label>'
        '<label>User <input type="text" name="username" value=""></label>'
        '<button type="submit" name="approve" value="yes">Allow</button>'
        '<button type="submit" name="approve" value="no">Deny</button>'
        "</form>",
    )
