using CsCheck;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Json;

public sealed class JsonPropertyTests
{
    [Fact]
    public void Parse_canonicalise_parse_is_the_identity() =>
        JsonGen.Any.Sample(value =>
        {
            var canonical = CanonicalJson.Write(value);
            return StrictJson.TryParse(canonical, out var read, out _) && read.Equals(value) && read.GetHashCode() == value.GetHashCode()
                && CanonicalJson.Write(read).AsSpan().SequenceEqual(canonical);
        }, iter: 20_000);

    [Fact]
    public void Any_way_of_writing_a_value_has_the_same_canonical_form() =>
        JsonGen.Any.Sample(value => StrictJson.TryParse(JsonText.Bytes(value, isIndented: true), out var read, out _)
            && CanonicalJson.Write(read).AsSpan().SequenceEqual(CanonicalJson.Write(value)), iter: 20_000);

    [Fact]
    public void Any_bytes_are_read_or_refused_and_never_throw() =>
        Gen.OneOf<byte[]>(Gen.Byte.Array[0, 40], Gen.OneOf("{}[]\",:\\u0d8 1e-.tn\n"u8.ToArray()).Array[0, 40]).Sample(bytes =>
            StrictJson.TryParse(bytes, out var value, out var fault) ? value is not null && fault is null : value is null && fault.Length > 0,
            iter: 100_000);

    [Fact]
    public void One_changed_byte_is_read_or_refused_and_never_throws() =>
        Gen.Select(JsonGen.Object, Gen.Int[0, int.MaxValue], Gen.Byte).Sample((value, at, unit) =>
        {
            var json = JsonText.Bytes(value);
            json[at % json.Length] = unit;
            return !StrictJson.TryParse(json, out var read, out _) || JsonText.Bytes(read).Length > 0;
        }, iter: 20_000);
}
