/** Official names of the weaknesses we write about (CWE 4.x). CSAF 2.0 test 6.1.11 wants them letter by letter. */
const CWE_NAMES: Readonly<Record<string, string>> = {
  'CWE-22': "Improper Limitation of a Pathname to a Restricted Directory ('Path Traversal')",
  'CWE-78': "Improper Neutralization of Special Elements used in an OS Command ('OS Command Injection')",
  'CWE-94': "Improper Control of Generation of Code ('Code Injection')",
  'CWE-121': 'Stack-based Buffer Overflow',
  'CWE-122': 'Heap-based Buffer Overflow',
  'CWE-125': 'Out-of-bounds Read',
  'CWE-190': 'Integer Overflow or Wraparound',
  'CWE-400': 'Uncontrolled Resource Consumption',
  'CWE-415': 'Double Free',
  'CWE-416': 'Use After Free',
  'CWE-476': 'NULL Pointer Dereference',
  'CWE-674': 'Uncontrolled Recursion',
  'CWE-787': 'Out-of-bounds Write',
  'CWE-1321': "Improperly Controlled Modification of Object Prototype Attributes ('Prototype Pollution')",
  'CWE-1333': 'Inefficient Regular Expression Complexity',
};

/** Undefined where we do not know the official name; then the weakness is not named at all rather than wrongly. */
export const cweName = (id: string): string | undefined => CWE_NAMES[id];
