using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Verification;

/// <summary>The outcome of verification. The zero value is a refusal.</summary>
public readonly struct Verdict
{
    private readonly VerifiedMessage? _message;
    private readonly Refusal? _refusal;

    private Verdict(VerifiedMessage? message, Refusal? refusal)
    {
        _message = message;
        _refusal = refusal;
    }

    public bool TryGet([NotNullWhen(true)] out VerifiedMessage? message, [NotNullWhen(false)] out Refusal? refusal)
    {
        message = _refusal is null ? _message : null;
        refusal = message is null ? _refusal ?? Refusal.Undecided : null;
        return message is not null;
    }

    internal static Verdict Accept(VerifiedMessage message) => new(message, null);

    internal static Verdict Refuse(Refusal refusal) => new(null, refusal);
}
