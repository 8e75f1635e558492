# %% MAML with batch statistics of the task
from torch.func import functional_call

net = nn.Sequential(
    nn.Linear(8, 32), nn.BatchNorm1d(32, track_running_stats=False), nn.ReLU(), nn.Linear(32, 5)
)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for iteration in range(10):
    optimizer.zero_grad()
    for task in range(3):
        support, query = torch.randn(25, 8), torch.randn(25, 8)
        labels = torch.arange(5).repeat(5)
        weights = dict(net.named_parameters())
        for _ in range(2):
            loss = F.cross_entropy(functional_call(net, weights, (support,)), labels)
            grads = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {name: w - 0.1 * g for (name, w), g in zip(weights.items(), grads)}
        (F.cross_entropy(functional_call(net, weights, (query,)), labels) / 3).backward()
    optimizer.step()

# %% Reptile: a copy for each task
net = Net(5)
outer_rate = 0.1
for iteration in range(6):
    fast = copy.deepcopy(net)
    inner = torch.optim.SGD(fast.parameters(), lr=0.02)
    for _ in range(4):
        inner.zero_grad()
        F.cross_entropy(fast(torch.randn(20, 3, 8, 8)), torch.randint(5, (20,))).backward()
        inner.step()
    with torch.no_grad():
        for slow, new in zip(net.parameters(), fast.parameters()):
            slow.add_(new - slow, alpha=outer_rate)
        for slow, new in zip(net.buffers(), fast.buffers()):
            slow.copy_(new)

# %% Prototypical networks: an episode is one batch
encoder = Net(32)
optimizer = torch.optim.Adam(encoder.parameters())
for episode in range(20):
    encoder.train()
    images, labels = torch.randn(50, 3, 8, 8), torch.arange(5).repeat(10)
    z = encoder(images)
    prototypes = z[:25].view(5, 5, -1).mean(0)
    optimizer.zero_grad()
    F.cross_entropy(-torch.cdist(z[25:], prototypes), labels[25:]).backward()
    optimizer.step()
encoder.eval()
with torch.no_grad():
    z = encoder(torch.randn(50, 3, 8, 8))
    print((-torch.cdist(z[25:], z[:25].view(5, 5, -1).mean(0))).argmax(1))
