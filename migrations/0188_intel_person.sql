-- Attributes whose type says that they are about a person, so that what is due for
-- erasure is found without walking all of them. The list is that of intel's store_erase.go;
-- a longer one is an index of its own.
CREATE INDEX intel_attribute_person ON intel_attribute (event_id, id) WHERE type IN (
  'email', 'email-src', 'email-dst', 'email-reply-to', 'email-src-display-name', 'email-dst-display-name',
  'email-header', 'email-body', 'phone-number', 'prtn', 'whois-registrant-name', 'whois-registrant-email',
  'whois-registrant-phone', 'dns-soa-email', 'target-user', 'target-email', 'first-name', 'middle-name',
  'last-name', 'full-name', 'date-of-birth', 'place-of-birth', 'gender', 'nationality', 'passport-number',
  'passport-country', 'passport-expiration', 'redress-number', 'visa-number', 'issue-date-of-the-visa',
  'primary-residence', 'country-of-residence', 'special-service-request', 'frequent-flyer-number',
  'travel-details', 'payment-details', 'passenger-name-record-locator-number', 'identity-card-number',
  'jabber-id', 'twitter-id', 'github-username', 'bank-account-nr', 'iban', 'cc-number'
);
