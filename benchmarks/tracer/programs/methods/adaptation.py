# %% AdaBN: statistics of the target domain
net = fit(Net())
net.train()
with torch.no_grad():
    for epoch in range(2):
        for x, _ in DataLoader(TensorDataset(2 * torch.randn(64, 3, 8, 8) - 1, torch.zeros(64)), batch_size=16):
            _ = net(x)
net.eval()
with torch.no_grad():
    print(net(2 * torch.randn(16, 3, 8, 8) - 1).argmax(1))

# %% Precise BatchNorm by hand: momentum of a cumulative average
net = fit(Net())
norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
momenta = [module.momentum for module in norms]
for module in norms:
    module.reset_running_stats()
    module.momentum = None
net.train()
with torch.no_grad():
    for x, _ in train_loader:
        net(x)
for module, momentum in zip(norms, momenta):
    module.momentum = momentum
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% TENT: test-time adaptation by entropy
net = fit(Net())
net.train()
net.requires_grad_(False)
for module in net.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.requires_grad_(True)
        module.track_running_stats = False
        module.running_mean, module.running_var = None, None
optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-3)
for x, y in test_loader:
    logits = net(x + 1)
    entropy = -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()
    optimizer.zero_grad()
    entropy.backward()
    optimizer.step()
    print((logits.argmax(1) == y).float().mean().item())

# %% Domain-adversarial training with both domains
features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
labels, domains = nn.Linear(32, 10), nn.Linear(32, 2)
optimizer = torch.optim.SGD([*features.parameters(), *labels.parameters(), *domains.parameters()], lr=0.01)
for epoch in range(3):
    for x, y in train_loader:
        both = features(torch.cat([x, 0.5 * x - 1]))
        domain = torch.arange(2).repeat_interleave(len(x))
        loss = F.cross_entropy(labels(both[: len(x)]), y) - 0.1 * F.cross_entropy(domains(both.detach()), domain)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
