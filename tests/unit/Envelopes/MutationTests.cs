using CsCheck;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Envelopes;

/// <summary>
/// Whatever is done to a right request, it never throws; and when it is still believed, then because its signed bytes are still the same.
/// </summary>
public sealed class MutationTests
{
    private const int Mutations = 50_000;

    private static readonly byte[][] Originals =
    [
        VectorCase.Sign(VectorCase.Msg(), TestKeys.Operator),
        VectorCase.Sign(
            VectorCase.Msg(
                """{"RADIO_ISOLATION":"on","RADIO_IDLE_TIMEOUT_MIN":10}""",
                more: $"\"audience\":[\"gateway\"],\"base\":{{\"gateway\":\"{new string('a', 64)}\"}},\"expires\":1700000200,\"mode\":\"staged\",\"reason\":\"caf\u00e9\""),
            TestKeys.Operator),
        System.Text.Encoding.UTF8.GetBytes(VectorCase.Listed(VectorCase.Msg(), TestKeys.Operator)),
    ];

    private static readonly Verifier Verifier = new(new VerifierOptions { Keys = [TestKeys.Operator.Public, TestKeys.Second.Public] });

    private static readonly Gen<(int Kind, int At, int Length, byte Value)> Edit =
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 10_000], Gen.Int[1, 40], Gen.Byte);

    [Fact]
    public void Mutated_request_never_throws_and_never_carries_other_signed_bytes_through() =>
        Gen.Select(Gen.Int[0, Originals.Length - 1], Edit.Array[1, 4]).Sample(
            (which, edits) =>
            {
                byte[] original = Originals[which];
                byte[] mutated = edits.Aggregate(original, (bytes, edit) => Apply(bytes, edit));
                Assert.True(EnvelopeReader.TryRead(original, out var expected, out _));
                if (!EnvelopeReader.TryRead(mutated, out var envelope, out var unread))
                {
                    Assert.InRange(unread.Code, ErrorCode.TooLarge, ErrorCode.NotSupported);
                    return;
                }

                var verdict = Verifier.Check(envelope, new EffectiveTime(VectorCase.Now, 0));
                if (!verdict.TryGet(out var message, out var refusal))
                {
                    Assert.InRange(refusal.Code, ErrorCode.UnknownCommand, ErrorCode.BadSignature);
                    return;
                }

                // White space, member order and escapes outside the signed bytes may change; what was said may not.
                Assert.True(message.Message.Canonical.Span.SequenceEqual(expected.Message.Canonical.Span));
                Assert.Equal(TestKeys.Operator.Public.Id, message.Signer);
            },
            iter: Mutations);

    [Fact]
    public void Request_cut_anywhere_is_refused()
    {
        foreach (byte[] original in Originals)
        {
            for (int length = 0; length < original.Length; length++)
            {
                Assert.False(EnvelopeReader.TryRead(original.AsMemory(0, length), out _, out var refusal));
                Assert.Equal(ErrorCode.BadJson, refusal.Code);
            }
        }
    }

    [Fact]
    public void One_flipped_bit_anywhere_in_message_or_signature_is_refused()
    {
        byte[] original = Originals[0];
        for (int bit = 0; bit < original.Length * 8; bit++)
        {
            byte[] flipped = [.. original];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            bool isBelieved = EnvelopeReader.TryRead(flipped, out var envelope, out _)
                && Verifier.Check(envelope, new EffectiveTime(VectorCase.Now, 0)).TryGet(out _, out _);
            Assert.False(isBelieved, $"bit {bit}");
        }
    }

    private static byte[] Apply(byte[] bytes, (int Kind, int At, int Length, byte Value) edit)
    {
        int at = bytes.Length == 0 ? 0 : edit.At % bytes.Length;
        int end = Math.Min(bytes.Length, at + edit.Length);
        byte[] mutated = [.. bytes];
        switch (edit.Kind)
        {
            case 0 when bytes.Length > 0:
                mutated[at] = edit.Value;
                return mutated;
            case 1 when bytes.Length > 0:
                mutated[at] ^= (byte)(1 << (edit.Value % 8));
                return mutated;
            case 2:
                return [.. bytes[..at], edit.Value, .. bytes[at..]];
            case 3:
                return [.. bytes[..at], .. bytes[end..]];
            case 4:
                return [.. bytes[..end], .. bytes[at..end], .. bytes[end..]];
            default:
                return [.. bytes[..at], .. bytes[end..], .. bytes[at..end]];
        }
    }
}
