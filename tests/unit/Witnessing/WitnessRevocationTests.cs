using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Witnessing;

/// <summary>What a witness takes for the ledger's key after the key that said so is revoked.</summary>
public sealed class WitnessRevocationTests : IDisposable
{
    private readonly WitnessTrial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack07_After_a_revocation_no_older_word_of_another_key_brings_back_the_ledgers_key_before()
    {
        using SigningKey other = SigningKey.Generate(), next = SigningKey.Generate();
        SigningKey first = _trial.Operator;
        RootHistory both = Roots((first.Public, other.Public), []), revoked = Roots((first.Public, null), [(other.Public.Id, 0)]);
        string old = _trial.Verifier(next).ToString();
        LedgerKeyStatement before = LedgerKeyStatement.Sign(first, old, WitnessTrial.System, 100);
        LedgerKeyStatement after = LedgerKeyStatement.Sign(first, old, WitnessTrial.System, 201);
        Assert.Equal("ok", Trust(before));
        Assert.Equal("ok", Trust(LedgerKeyStatement.Sign(other, _trial.Verifier().ToString(), WitnessTrial.System, 200)));
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        _trial.Roots = both;
        _trial.Restart();

        Assert.Null(_trial.Witness.Disown(revoked.Current));
        Assert.Equal("superseded", Trust(before));
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 7)));
        Assert.Equal("superseded", Trust(before));
        _trial.Roots = revoked;
        _trial.Restart();
        Assert.Equal("superseded", Trust(before));
        Assert.Null(_trial.Witness.Memory!.Statement);
        Assert.Equal(_trial.Verifier().ToString(), _trial.Witness.Memory.Key.ToString());
        // A word that is given now counts, whatever it says.
        Assert.Equal("ok", Trust(after));
        Assert.Equal(old, _trial.Witness.Memory.Key.ToString());

        string Trust(LedgerKeyStatement statement) => _trial.Witness.TryTrust(statement, out _, out Refusal? refusal) ? "ok" : ErrorCodes.Name(refusal.Code);

        RootHistory Roots((VerifyingKey, VerifyingKey?) keys, (KeyId, long)[] revoked)
        {
            VerifyingKey[] listed = keys.Item2 is { } second ? [keys.Item1, second] : [keys.Item1];
            SignedRoot root = (RootDraft.Single("dom0", listed) with { System = WitnessTrial.System, Revoked = revoked }).Signed(first);
            Assert.Null(RootHistory.Of(first.Public).TryExtend(0, RootDraft.Created, root, WitnessTrial.System, out RootHistory history));
            return history;
        }
    }
}
