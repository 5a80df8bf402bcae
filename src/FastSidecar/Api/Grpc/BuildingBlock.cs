using FastSidecar.Transport.Grpc;

namespace FastSidecar.Api.Grpc;

/// <summary>What is looked at of a request before it turns out that nothing is configured.</summary>
internal enum BlockCheck
{
    None,

    /// <summary>A name that is empty has an error of its own.</summary>
    PubSub,

    /// <summary>The operation has to be there.</summary>
    Binding,

    /// <summary>The expiry has to be positive.</summary>
    Lock,

    /// <summary>There has to be a job with a name and a schedule.</summary>
    Job,

    /// <summary>The job has to be named.</summary>
    JobName,

    /// <summary>A stream whose first message has options; <see cref="Encrypt"/> asks for some of them.</summary>
    Decrypt,
    Encrypt,

    /// <summary>A stream whose first message says what is subscribed to.</summary>
    Subscribe,

    /// <summary>A stream of answers to one message.</summary>
    Subscription,

    /// <summary>Is answered: there is no such subscription.</summary>
    Unsubscribe,
}

/// <summary>The error that a method answers whose building block is not configured.</summary>
/// <param name="Code">Its code.</param>
/// <param name="Message"><c>{0}</c> stands for the request's first field, which names the component.</param>
/// <param name="Reason">The ErrorInfo's reason; null for an error without details.</param>
/// <param name="Check">What comes before.</param>
/// <param name="SaysApp">The ErrorInfo names this app and its namespace.</param>
internal sealed record BuildingBlock(
    GrpcStatusCode Code, string Message, string? Reason = null, BlockCheck Check = BlockCheck.None, bool SaysApp = false)
{
    public bool IsStream => Check is BlockCheck.Decrypt or BlockCheck.Encrypt or BlockCheck.Subscribe or BlockCheck.Subscription;
}
