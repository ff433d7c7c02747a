-- Blind indexes are written together with their record, and no record is ever removed: that a check of each of them finds
-- its record again took more time than to write them.
alter table intake.blinds drop constraint blinds_number_fkey;
-- What is sealed stands in its row up to a page, instead of in a second table with an index of its own.
alter table intake.records set (toast_tuple_target = 8160);
