/** What a party's answer on its page means, as changes of the shared case. Pure; every field is a stranger's text. */
import { addDays } from '../lib/clock.ts';
import { toPlainLine } from '../lib/plain-text.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Agreement } from './embargo-end.ts';
import { isOneOf, type ParticipantId, type ProposalId, STANDINGS, type ThreadId } from './participant.ts';
import type { Change } from './shared-case.ts';

/** As a browser sends it. */
export type AnswerForm = Readonly<Partial<Record<string, string>>>;

export type AnswerRefusal =
  | { readonly kind: 'no-such-answer' }
  | { readonly kind: 'field-missing'; readonly field: string }
  | { readonly kind: 'no-version'; readonly text: string }
  | { readonly kind: 'no-deadline' };

export interface AnswerContext {
  readonly who: ParticipantId;
  readonly agreement: Agreement;
  /** For a proposal that the answer makes. */
  readonly proposal: ProposalId;
}

/** Characters. */
const MAX_REASON = 4_000;
const MAX_LINE = 200;
/** Asked for where no number is given, and the most that may be asked for. */
const MORE_DAYS = 14;
const MAX_MORE_DAYS = 365;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+~_-]{0,63}$/;

export function readAnswer(form: AnswerForm, context: AnswerContext): Result<readonly Change[], AnswerRefusal> {
  const { who } = context;
  const reason = (form.text ?? '').trim().slice(0, MAX_REASON);
  const line = toPlainLine((form.text ?? '').trim(), MAX_LINE);
  const said = (what: Extract<Change, { kind: 'answered' }>['what'], text: string): Change => ({
    kind: 'answered',
    who,
    what,
    text,
  });
  const missing = (field: string) => refuse<AnswerRefusal>({ kind: 'field-missing', field });
  switch (form.answer) {
    case 'more-time':
      return moreTime(form, context, said('more-time', reason));
    case 'not-a-bug':
      return reason === '' ? missing('the reason') : ok([said('not-a-bug', reason)]);
    case 'fixed-in':
      if (line === '') return missing('the version');
      return VERSION.test(line) ? ok([said('fixed-in', line)]) : refuse({ kind: 'no-version', text: line });
    case 'pace':
      return form.pace === 'fewer' || form.pace === 'more'
        ? ok([said('pace', `${form.pace}${line === '' ? '' : `: ${line}`}`)])
        : missing('fewer or more');
    case 'credit':
      return ok([said('credit', line === '' ? 'no credit' : line)]);
    case 'standing':
      return form.standing !== undefined && isOneOf(STANDINGS, form.standing)
        ? ok([{ kind: 'standing', who, standing: form.standing }])
        : missing('where you stand');
    case 'zone':
      return ok([{ kind: 'zone', who, zone: toPlainLine(form.zone ?? '', MAX_LINE) }]);
    case 'bind':
      return ok([{ kind: 'bound', who }]);
    case 'say':
      return reason === ''
        ? missing('what to say')
        : ok([{ kind: 'said', thread: (form.thread ?? '') as ThreadId, who, text: reason }]);
    default:
      return refuse({ kind: 'no-such-answer' });
  }
}

/** A longer end, as far as the policy allows one; a person and every other bound party have to agree to it. */
function moreTime(
  form: AnswerForm,
  { who, agreement, proposal }: AnswerContext,
  said: Change,
): Result<readonly Change[], AnswerRefusal> {
  if (!agreement.isInForce || !agreement.dueAt) return refuse({ kind: 'no-deadline' });
  const asked = Number(form.days === undefined || form.days === '' ? MORE_DAYS : form.days);
  if (!(Number.isInteger(asked) && asked >= 1 && asked <= MAX_MORE_DAYS)) {
    return refuse({ kind: 'field-missing', field: `days, from 1 to ${MAX_MORE_DAYS}` });
  }
  const wanted = addDays(agreement.dueAt, asked);
  const end = agreement.limit && wanted > agreement.limit ? agreement.limit : wanted;
  return ok([{ kind: 'proposed', proposal, who, end: end.toISOString() }, said]);
}
