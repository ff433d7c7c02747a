-- When the flaw was first posted on a closed list, by whomever: a policy may count from there (linux-distros), and the post
-- may come before our own report.
alter table disclosure.cases add column first_post_at timestamptz;
