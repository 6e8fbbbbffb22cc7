namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>A part of a request's way whose time is told.</summary>
public enum RequestStage
{
    /// <summary>Waiting for a processor, of one signed request.</summary>
    Queue,

    /// <summary>The cheap checks and the signature, of one signed request.</summary>
    Verify,

    /// <summary>From then on until the writer takes it.</summary>
    Wait,

    /// <summary>Deciding a batch and making it durable; told once a batch, as what follows.</summary>
    Commit,

    /// <summary>Replacing what is believed, and telling who waits for it.</summary>
    Publish,

    /// <summary>Making the answers and handing them to the connections.</summary>
    Answer,
}
