using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>An accepted change that is durable.</summary>
/// <param name="Index">Its entry.</param>
/// <param name="Message">What was verified; its envelope holds the operator's exact bytes.</param>
/// <param name="Outcome">What it applied, staged and unstaged.</param>
public sealed record CommittedChange(long Index, VerifiedMessage Message, ChangeOutcome Outcome);
