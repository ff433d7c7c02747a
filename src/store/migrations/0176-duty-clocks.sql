-- What a manufacturer owes authorities once an attack is known (EU Cyber Resilience Act, Article 14): clocks beside those
-- of the embargo. They set nothing free; they run until somebody says that the document was handed in.
alter table disclosure.clocks drop constraint clocks_kind_check;
alter table disclosure.clocks add constraint clocks_kind_check check (kind in
  ('opening', 'acknowledgement', 'disclosure', 'details', 'early-warning', 'notification', 'final-report'));
