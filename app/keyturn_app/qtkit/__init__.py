"""How Keyturn looks: tokens, theme, icons, and the widgets that the pages share."""
