import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readFrame } from './crash.ts';

for (const [text, name] of [
  [
    'bool pcl::io::ply::ply_parser::parse_list_property<unsigned char, int>',
    'pcl::io::ply::ply_parser::parse_list_property',
  ],
  ['std::__1::basic_ostream<char, std::__1::char_traits<char> >& std::__1::__put_cha', 'std::__put_cha'],
  ['nlohmann::basic_json<std::__1::map, std::__1::vector, std::__1::basic_string<cha', 'nlohmann::basic_json'],
  ['(anonymous namespace)::Reader::next(char const*)', 'Reader::next'],
  ['parse_header.part.0', 'parse_header'],
  ['inner.cold.12', 'inner'],
  ['parse_header.constprop.0.isra.1 [clone .cold]', 'parse_header'],
  ['__interceptor_memcpy', 'memcpy'],
  ['core::str::from_utf8::h0123456789abcdef', 'core::str::from_utf8'],
  ['non-virtual thunk to Widget::draw()', 'Widget::draw'],
  ['Box::operator<<(int)', 'Box::operator<<'],
  ['operator new[](unsigned long)', 'operatornew[]'],
  ['ssl_ctx::run()::$_0::operator()(int) const', 'ssl_ctx::run'],
] as const) {
  test(`${text} is ${name}`, () => {
    assert.equal(readFrame(text).name, name);
  });
}

test('a C function belongs to its prefix and a method to its class', () => {
  assert.equal(readFrame('H5D__chunk_io_init').scope, 'H5D');
  assert.equal(readFrame('ot::Ip6::Ip6::HandleDatagram').scope, 'ot::Ip6::Ip6');
});

test('no text makes a frame without a name, and reading a name again changes nothing of its words', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 120 }), (text) => {
      const { name, words } = readFrame(text);
      assert.ok(text.trim() === '' || name !== '');
      assert.deepEqual([...new Set(words)], words);
    }),
  );
});
