/**
 * The published JSON schemas, shipped beside this file, as checks. A schema is compiled when it is first asked for:
 * compiling all of them costs more than most commands take.
 *
 * The CVSS and SARIF schemas declare older drafts (04, 07) than those that refer to them, but use nothing that reads differently
 * in 2020-12, so their draft is set aside; each gets the name by which the others refer to it.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import csaf from './schemas/csaf-2.0/csaf_json_schema.json' with { type: 'json' };
import cvss2 from './schemas/csaf-2.0/cvss-v2.0.json' with { type: 'json' };
import cvss30 from './schemas/csaf-2.0/cvss-v3.0.json' with { type: 'json' };
import cvss31 from './schemas/csaf-2.0/cvss-v3.1.json' with { type: 'json' };
import csafProvider from './schemas/csaf-2.0/provider_json_schema.json' with { type: 'json' };
import adpTags from './schemas/cve-5.1/adp-tags.json' with { type: 'json' };
import cve from './schemas/cve-5.1/CVE_Record_Format.json' with { type: 'json' };
import cnaTags from './schemas/cve-5.1/cna-tags.json' with { type: 'json' };
import cvss4 from './schemas/cve-5.1/cvss-v4.0.json' with { type: 'json' };
import referenceTags from './schemas/cve-5.1/reference-tags.json' with { type: 'json' };
import osv from './schemas/osv-1.7/schema.json' with { type: 'json' };
import sarif from './schemas/sarif-2.1/sarif-schema-2.1.0.json' with { type: 'json' };

export type SchemaName = 'csaf-2.0' | 'csaf-2.0-provider' | 'cve-5.1' | 'cve-5.1-cna' | 'osv-1.7' | 'sarif-2.1';

export interface SchemaError {
  /** JSON pointer into the document; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

/** At most this many errors are told of one document. */
const MAX_ERRORS = 100;

// CVSS schemas ask for multiples of 0.1; without the tolerance 6.3 is none, as binary fractions go.
const OPTIONS = { allErrors: true, strict: false, validateFormats: true, multipleOfPrecision: 6 } as const;
const compiled = new Map<SchemaName, ValidateFunction>();

/** Every way in which the document breaks the schema; none where it is valid. */
export function checkSchema(name: SchemaName, document: unknown): readonly SchemaError[] {
  const check = compiled.get(name) ?? compile(name);
  compiled.set(name, check);
  if (check(document)) return [];
  return (check.errors ?? []).slice(0, MAX_ERRORS).map(toSchemaError);
}

function toSchemaError(error: ErrorObject): SchemaError {
  const detail = Object.values(error.params as Record<string, unknown>)
    .filter((value) => typeof value === 'string')
    .join(', ');
  const message = error.message ?? error.keyword;
  return { path: error.instancePath, message: detail && !message.includes(detail) ? `${message}: ${detail}` : message };
}

function compile(name: SchemaName): ValidateFunction {
  switch (name) {
    case 'csaf-2.0':
      return csafSchemas().compile({ $ref: csaf.$id });
    case 'csaf-2.0-provider':
      return csafSchemas().compile({ $ref: csafProvider.$id });
    case 'cve-5.1':
      return cveSchemas().compile({ $ref: cve.$id });
    case 'cve-5.1-cna':
      return cveSchemas().compile({ $ref: `${cve.$id}#/definitions/cnaPublishedContainer` });
    case 'osv-1.7': {
      const ajv = new Ajv2020(OPTIONS);
      formats.default(ajv);
      return ajv.compile(osv);
    }
    case 'sarif-2.1': {
      const ajv = new Ajv(OPTIONS);
      formats.default(ajv);
      return ajv.compile(renamed(sarif, sarif.id));
    }
  }
}

function csafSchemas(): Ajv2020 {
  const ajv = new Ajv2020(OPTIONS);
  formats.default(ajv);
  const files = { 'cvss-v2.0.json': cvss2, 'cvss-v3.0.json': cvss30, 'cvss-v3.1.json': cvss31 };
  for (const [file, schema] of Object.entries(files))
    ajv.addSchema(renamed(schema, `https://www.first.org/cvss/${file}`));
  for (const schema of [csaf, csafProvider]) ajv.addSchema(schema);
  return ajv;
}

/** References are of the form `file:imports/cvss/…` and `file:tags/…`. */
function cveSchemas(): Ajv {
  const ajv = new Ajv(OPTIONS);
  formats.default(ajv);
  const files = {
    'file:imports/cvss/cvss-v2.0.json': cvss2,
    'file:imports/cvss/cvss-v3.0.json': cvss30,
    'file:imports/cvss/cvss-v3.1.json': cvss31,
    'file:imports/cvss/cvss-v4.0.json': cvss4,
    'file:tags/reference-tags.json': referenceTags,
    'file:tags/cna-tags.json': cnaTags,
    'file:tags/adp-tags.json': adpTags,
  };
  for (const [file, schema] of Object.entries(files)) ajv.addSchema(renamed(schema, file));
  ajv.addSchema(renamed(cve, cve.$id));
  return ajv;
}

/** The schema under the name by which others refer to it, its draft set aside. */
function renamed(schema: object, $id: string): { $id: string } {
  const { $schema: _draft, id: _id, ...rest } = schema as Record<string, unknown>;
  return { ...rest, $id };
}
