namespace Qwamos.ControlBus.Keys;

public enum EnrolmentResult
{
    Refused = 0,
    Enrolled,
    Replaced,
    AlreadyEnrolled,
}

/// <summary>What an <see cref="Enrolment"/> did.</summary>
/// <param name="Old">The key that stood before, when it could be read.</param>
/// <param name="Text">For a person: the system ID, or why it was refused and the mend.</param>
public sealed record EnrolmentOutcome(EnrolmentResult Result, KeyId? Old, KeyId? Key, string? SystemId, string Text)
{
    internal static EnrolmentOutcome Refuse(string text) => new(EnrolmentResult.Refused, null, null, null, text);
}
