-- Views of all lists stand in account_view.
DROP TABLE incident_view;
