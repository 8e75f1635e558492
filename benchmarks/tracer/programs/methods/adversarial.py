# %% PGD adversarial training that attacks in evaluation mode
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    for x, y in train_loader:
        net.eval()
        delta = torch.zeros_like(x, requires_grad=True)
        for _ in range(3):
            gradient, = torch.autograd.grad(F.cross_entropy(net(x + delta), y), delta)
            delta = (delta + 0.01 * gradient.sign()).clamp(-0.03, 0.03).detach().requires_grad_()
        net.train()
        optimizer.zero_grad()
        F.cross_entropy(net(x + delta.detach()), y).backward()
        optimizer.step()

# %% Virtual adversarial training
net = Net()
optimizer = torch.optim.Adam(net.parameters())
for epoch in range(3):
    for x, y in train_loader:
        with torch.no_grad():
            clean = net(x).softmax(1)
        direction = F.normalize(torch.randn_like(x).flatten(1)).view_as(x).requires_grad_()
        distance = F.kl_div(net(x + 0.1 * direction).log_softmax(1), clean, reduction="batchmean")
        gradient, = torch.autograd.grad(distance, direction)
        adversarial = x + F.normalize(gradient.flatten(1)).view_as(x)
        loss = F.cross_entropy(net(x), y)
        loss = loss + F.kl_div(net(adversarial).log_softmax(1), clean, reduction="batchmean")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
