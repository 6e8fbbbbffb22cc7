namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>A part of a request's way whose time is told.</summary>
public enum RequestStage
{
    /// <summary>The cheap checks and the signature, of one request.</summary>
    Verify,

    /// <summary>From then on until the writer takes it.</summary>
    Wait,

    /// <summary>Deciding a batch and making it durable; told once a batch.</summary>
    Record,
}
