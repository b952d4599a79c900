"""The one style sheet: `@name` is a token, `@@icon|token` an icon drawn in that colour.

Classes are the dynamic property `class` of a widget.
"""

SHEET = """
* { outline: 0; }
QWidget { color: @text; }
QToolTip { background: @raised; color: @text; border: 1px solid @border_strong; padding: 4px 8px; }
#rail { background: @rail; border-right: 1px solid @border; }
#topbar { background: @canvas; border-bottom: 1px solid @border; }
#window, .Page { background: @canvas; }
.Card { background: @surface; border: 1px solid @border; border-radius: 8px; }
.Drawer { background: @surface; border: 0; border-left: 1px solid @border; }
.Raised { background: @raised; border: 1px solid @border; border-radius: 6px; }
.Sheet { background: @surface; border: 1px solid @border_strong; border-radius: 10px; }
.Band { background: @simulated_bg; border: 0; }
.Band QLabel { color: @simulated; font-weight: 600; font-size: 12px; }
.Band[tone="rehearsal"] { background: @rehearsal_bg; }
.Band[tone="rehearsal"] QLabel { color: @rehearsal; }
.HistoryLine { background: transparent; border: 0; border-bottom: 1px solid @border; }
.Person { background: @surface; border: 1px solid @border; border-radius: 8px; }
.Person[tone="current"] { border: 2px solid @accent; }
.Banner { background: @stale_bg; border: 1px solid @border; border-radius: 8px; }
.Banner[tone="danger"] { background: @danger_bg; border-color: @danger; }
.Banner[tone="info"] { background: @pending_bg; }
.H1 { font-size: 20px; font-weight: 600; }
.H2 { font-size: 14px; font-weight: 600; }
.Figure { font-size: 24px; font-weight: 600; }
.Second { color: @text2; }
.Muted { color: @muted; }
.Small { font-size: 12px; }
.Over { font-size: 11px; font-weight: 600; color: @muted; }
.Strong { font-weight: 600; }
.Plain { font-weight: 400; }
.Mono { font-family: "JetBrains Mono"; font-size: 12px; }
.Danger { color: @danger; }
.Ok { color: @ok; }
.Warn { color: @stale; }
QPushButton, QToolButton { background: @raised; border: 1px solid @border; border-radius: 6px;
  padding: 0 12px; min-height: 30px; font-weight: 500; }
QToolButton { padding: 0 6px; }
QPushButton:hover, QToolButton:hover { background: @hover; }
QPushButton:pressed, QToolButton:pressed { background: @selected; }
QPushButton:focus, QToolButton:focus, QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus,
  QComboBox:focus, QSpinBox:focus { border: 1px solid @focus; }
QTableView:focus, QTreeView:focus, QListView:focus { border: 1px solid @focus; }
QPushButton:disabled, QToolButton:disabled { color: @muted; background: @canvas;
  border-color: @border; }
QPushButton[kind="primary"] { background: @accent_solid; border-color: @accent_solid;
  color: @on_accent; font-weight: 600; }
QPushButton[kind="primary"]:focus, QPushButton[kind="danger"]:focus { border: 2px solid @focus; }
QPushButton[kind="primary"]:disabled { background: @raised; color: @muted; border-color: @border; }
QPushButton[kind="danger"] { color: @danger; border-color: @danger; background: transparent; }
QPushButton[kind="danger"]:hover { background: @danger_bg; }
QPushButton[kind="danger"]:disabled { color: @muted; border-color: @border; }
QPushButton[kind="ghost"], QToolButton[kind="ghost"] { background: transparent;
  border-color: transparent; color: @text2; padding: 0 8px; }
QPushButton[kind="ghost"]:hover, QToolButton[kind="ghost"]:hover { background: @hover;
  color: @text; }
QPushButton[kind="ghost"]:focus, QToolButton[kind="ghost"]:focus { border-color: @focus; }
QPushButton[kind="ghost"]:disabled { color: @muted; }
QPushButton[kind="link"] { background: transparent; border: 1px solid transparent;
  color: @accent; padding: 0 2px; min-height: 20px; text-align: left; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border-color: @focus; }
QPushButton[kind="nav"] { background: transparent; border: 1px solid transparent;
  border-radius: 6px; text-align: left; padding: 0 10px; min-height: 36px; color: @text2;
  font-weight: 500; }
QPushButton[kind="nav"]:hover { background: @hover; color: @text; }
QPushButton[kind="nav"]:checked { background: @selected; border-color: @accent; color: @text;
  font-weight: 600; }
QPushButton[kind="nav"]:focus { border-color: @focus; }
QPushButton[kind="chip"] { border-radius: 13px; min-height: 24px; max-height: 24px;
  padding: 0 10px; color: @text2; background: transparent; font-size: 12px; }
QPushButton[kind="chip"]:hover { background: @hover; }
QPushButton[kind="chip"]:checked { background: @selected; border-color: @accent; color: @text; }
QPushButton[kind="tile"] { background: @surface; border: 1px solid @border; border-radius: 8px;
  padding: 0; text-align: left; }
QPushButton[kind="tile"]:hover { border-color: @border_strong; }
QPushButton[kind="tile"]:checked { border-color: @accent; background: @selected; }
QPushButton[kind="tile"]:focus { border-color: @focus; }
QPushButton::menu-indicator, QToolButton::menu-indicator { image: none; width: 0; }
QLineEdit, QComboBox, QSpinBox { background: @field; border: 1px solid @border_strong;
  border-radius: 6px; padding: 0 8px; min-height: 30px;
  selection-background-color: @accent_solid; selection-color: @on_accent; }
QLineEdit QToolButton { background: transparent; border: 0; padding: 0; min-height: 0; }
QLineEdit[state="error"], QPlainTextEdit[state="error"] { border: 1px solid @danger; }
QLineEdit[state="good"] { border: 1px solid @ok; }
QLineEdit QToolButton { min-height: 0; padding: 0; border: 0; background: transparent; }
QLineEdit:disabled, QComboBox:disabled { color: @muted; border-color: @border; }
QComboBox::drop-down { border: 0; width: 26px; }
QComboBox::down-arrow { image: url(@@chevron-down|muted); width: 14px; height: 14px; }
QSpinBox { padding: 0 0 0 8px; }
QSpinBox::up-button, QSpinBox::down-button { subcontrol-origin: border; width: 22px;
  border: 0; background: transparent; }
QSpinBox::up-button { subcontrol-position: top right; }
QSpinBox::down-button { subcontrol-position: bottom right; }
QSpinBox::up-arrow { image: url(@@chevron-up|text2); width: 12px; height: 12px; }
QSpinBox::down-arrow { image: url(@@chevron-down|text2); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: @raised; border: 1px solid @border_strong;
  selection-background-color: @selected; selection-color: @text; padding: 4px; }
QPlainTextEdit, QTextEdit { background: @field; border: 1px solid @border; border-radius: 6px;
  selection-background-color: @accent_solid; selection-color: @on_accent; padding: 4px; }
QCheckBox, QRadioButton { spacing: 8px; min-height: 24px; }
QCheckBox::indicator, QRadioButton::indicator { width: 16px; height: 16px;
  border: 1px solid @border_strong; background: @field; }
QCheckBox::indicator { border-radius: 4px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:checked, QRadioButton::indicator:checked { background: @accent_solid;
  border-color: @accent_solid; }
QCheckBox::indicator:checked { image: url(@@check|on_accent); }
QRadioButton::indicator:checked { image: url(@@circle-dot|on_accent); }
QCheckBox:focus, QRadioButton:focus { color: @accent; }
QCheckBox:disabled, QRadioButton:disabled { color: @muted; }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 2px solid @focus;
  width: 14px; height: 14px; }
QTableView, QTreeView, QListView { background: @surface; border: 1px solid transparent;
  gridline-color: @border; selection-background-color: @selected; selection-color: @text; }
QTableView::item { padding: 0 5px; border-bottom: 1px solid @border; }
QListView::item { padding: 6px 8px; border-radius: 6px; }
QListView::item:hover { background: @hover; }
QListView::item:selected { background: @selected; color: @text; }
QTreeView::item { padding: 4px 5px; }
QHeaderView { background: @surface; }
QHeaderView::section { background: @surface; color: @muted; border: 0;
  border-bottom: 1px solid @border; padding: 0 8px; font-size: 12px; font-weight: 600; }
QHeaderView::section:hover { color: @text; }
QTableCornerButton::section { background: @surface; border: 0; }
QScrollArea { background: transparent; border: 0; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar::handle:vertical { background: @border_strong; border-radius: 3px; min-height: 32px;
  margin: 2px; }
QScrollBar:horizontal { background: transparent; height: 10px; }
QScrollBar::handle:horizontal { background: @border_strong; border-radius: 3px; min-width: 32px;
  margin: 2px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QFrame[kind="line"] { background: @border; max-height: 1px; min-height: 1px; border: 0; }
QFrame[kind="vline"] { background: @border; max-width: 1px; min-width: 1px; border: 0; }
QSplitter::handle { background: @border; }
QProgressBar { background: @border; border: 0; border-radius: 3px; max-height: 6px;
  min-height: 6px; color: transparent; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }
QMenu { background: @raised; border: 1px solid @border_strong; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: @selected; }
QMenu::item:disabled { color: @muted; }
QMenu::separator { height: 1px; background: @border; margin: 4px 8px; }
"""
