namespace Qwamos.Client.Unlocking;

/// <summary>Nothing was signed: the private key was not opened, or who holds it said no. Ends the command with its failure.</summary>
internal sealed class NotSignedException(Failure failure) : Exception(failure.Reason)
{
    public Failure Failure { get; } = failure;
}
