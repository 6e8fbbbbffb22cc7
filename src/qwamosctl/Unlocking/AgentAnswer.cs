namespace Qwamos.Client.Unlocking;

/// <summary>What an agent made of being asked for a signature.</summary>
internal enum AgentAnswer
{
    /// <summary>A person said no, or did not answer: nobody is asked a second time.</summary>
    Refused = 0,

    /// <summary>It could not: there is no agent, it is locked, or nobody is there whom it could ask. The passphrase can be asked for instead.</summary>
    CouldNot,

    Signed,
}
