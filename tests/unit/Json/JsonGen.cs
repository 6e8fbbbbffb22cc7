using CsCheck;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Tests.Json;

/// <summary>Generators of I-JSON values: every kind of character, and of number, that has ever been written differently by two libraries.</summary>
internal static class JsonGen
{
    private const int MaxDepth = 4;

    private static readonly Gen<int> Scalar = Gen.OneOf<int>(
        Gen.Int[0x20, 0x7E], Gen.Int[0, 0x1F], Gen.OneOf((int)'"', '\\', '/', 0x7F, 0x80, 0x9F, 0xAD, 0x2028, 0x2029, 0xD7FF, 0xE000, 0xFB33, 0xFEFF, 0xFFFD),
        Gen.Int[0xA0, 0xFFFF], Gen.Int[0x10000, 0x10FFFF]).Where(IsCharacter);

    private static readonly Gen<string> AnyText = Gen.OneOf<int[]>(Gen.Int[0x61, 0x66].Array[0, 3], Scalar.Array[0, 8])
        .Select(points => string.Concat(points.Select(char.ConvertFromUtf32)));

    private static readonly Gen<string> AsciiName = Gen.Char['!', '~'].Array[1, 6].Select(chars => new string(chars));

    private static readonly Gen<JsonValue> Integer = Gen.OneOf<long>(
        Gen.Long[-10, 10], Gen.Long[-Limits.MaxSafeInteger, Limits.MaxSafeInteger], Gen.OneOf(Limits.MaxSafeInteger, -Limits.MaxSafeInteger, 0L))
        .Select(JsonValue.Of);

    private static readonly Gen<JsonValue> Number = Gen.OneOf<JsonValue>(
        Integer,
        Gen.Double.Where(double.IsFinite).Select(FromDouble),
        Gen.ULong.Select(BitConverter.UInt64BitsToDouble).Where(double.IsFinite).Select(FromDouble),
        Gen.Select(Gen.Long[0, 99_999_999], Gen.Int[-30, 30], (digits, exponent) => Token($"{digits}e{exponent}")),
        Gen.OneOf("-0", "0.0", "1E21", "1e-7", "123456789012345678901234567890", "5e-324", "1.7976931348623157e308").Select(Token));

    /// <summary>Any value: numbers of every form, names and strings of every character.</summary>
    internal static Gen<JsonValue> Any { get; } = Of(Number, AnyText, AnyText, MaxDepth);

    /// <summary>An object of such values.</summary>
    internal static Gen<JsonValue> Object { get; } = ObjectOf(Any, AnyText);

    /// <summary>The domain of DESIGN section 3: integers, names of U+0021-U+007E, strings of every character.</summary>
    internal static Gen<JsonValue> Message { get; } = ObjectOf(Of(Integer, AnyText, AsciiName, MaxDepth), AsciiName);

    private static Gen<JsonValue> Of(Gen<JsonValue> number, Gen<string> text, Gen<string> name, int depth)
    {
        var leaf = Gen.OneOf<JsonValue>(number, text.Select(JsonValue.Of), Gen.OneOf(JsonValue.Null, JsonValue.True, JsonValue.False));
        if (depth == 0) return leaf;
        var inner = Of(number, text, name, depth - 1);
        return Gen.Frequency<JsonValue>((4, leaf), (1, inner.Array[0, 4].Select(items => JsonValue.Array(items))), (2, ObjectOf(inner, name)));
    }

    private static Gen<JsonValue> ObjectOf(Gen<JsonValue> value, Gen<string> name) =>
        Gen.Select(name, value).Array[0, 6].Select(members => JsonValue.Object(members.DistinctBy(member => member.Item1)));

    private static bool IsCharacter(int point) =>
        point is not (>= 0xD800 and <= 0xDFFF) and not (>= 0xFDD0 and <= 0xFDEF) && (point & 0xFFFE) != 0xFFFE;

    private static JsonValue FromDouble(double number) => Token(number.ToString("R", System.Globalization.CultureInfo.InvariantCulture));

    // Only the parser makes numbers that are no safe integers.
    private static JsonValue Token(string token) =>
        StrictJson.TryParse(System.Text.Encoding.ASCII.GetBytes(token), out var value, out var fault) ? value : throw new InvalidOperationException(fault);
}
